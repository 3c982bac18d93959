/* Pointers to own data: relative relocations, enough of them that packing pays. */
static int numbers[64];

#define FOUR(i) &numbers[i], &numbers[i + 1], &numbers[i + 2], &numbers[i + 3]
#define SIXTEEN(i) FOUR(i), FOUR(i + 4), FOUR(i + 8), FOUR(i + 12)

int *pointers[] = {SIXTEEN(0), SIXTEEN(16), SIXTEEN(32), SIXTEEN(48)};

int sum_pointers(void) {
	int sum = 0;
	for (unsigned i = 0; i < sizeof pointers / sizeof *pointers; i++) sum += *pointers[i];
	return sum;
}
