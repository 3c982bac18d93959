/* Thread-local storage at a fixed distance from the thread pointer: DF_STATIC_TLS, of which a process has little. */
__attribute__((tls_model("initial-exec"))) __thread int static_tls_counter;

int static_tls_next(void) {
	return ++static_tls_counter;
}
