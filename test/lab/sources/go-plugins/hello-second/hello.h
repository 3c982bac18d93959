const char *hello_impl(void);
