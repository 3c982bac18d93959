#ifndef MY_API_H
#define MY_API_H

/* The interface stays visible under -fvisibility=hidden. */
#define MY_API __attribute__((visibility("default")))

MY_API int my_api_open(const char *name);
MY_API int my_api_close(int handle);

/* Not part of the interface, but shared by the library's own files. */
int my_api_internal_count(void);
void my_api_internal_note(int handle);
extern int my_api_internal_state;

#endif
