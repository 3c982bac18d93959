int future_function(void);

int needs_future(void) { return future_function(); }
