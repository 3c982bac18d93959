int absent_answer(void) {
	return 404;
}
