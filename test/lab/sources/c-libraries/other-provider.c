/* Has the name of another library's function, and does something else. */
int provider_fn(void) {
	return 100;
}
