const char *cgo_greeting(void);
