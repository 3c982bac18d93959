/* Uses a function of another library; only some builds say of which one. */
#ifdef WEAK
__attribute__((weak))
#endif
int provider_fn(void);

int needy_fn(void) {
#ifdef WEAK
	return provider_fn ? provider_fn() : -1;
#else
	return provider_fn() + 1;
#endif
}
