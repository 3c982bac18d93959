int provider_data = 5;

int provider_fn(void) {
	return provider_data;
}
