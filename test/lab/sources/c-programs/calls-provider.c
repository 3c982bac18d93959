int provider_fn(void);

int main(void) {
	return provider_fn() == 5 ? 0 : 1;
}
