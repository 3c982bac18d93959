/* Poses as a glibc that does not exist yet. */
int future_function(void) { return 99; }
