/* A name service that knows nobody. With thread-local storage it is what kills a static program. */
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <pwd.h>
#include <stddef.h>

#if defined(WITH_TLS)
static __thread int calls;
#define COUNT() (calls++)
#elif defined(WITH_LIBRARY)
int count_in_thread(void);
#define COUNT() ((void)count_in_thread())
#else
#define COUNT() ((void)0)
#endif

#ifndef SERVICE
#define SERVICE lab
#endif
#define JOIN(prefix, service, name) prefix##service##name
#define NAME(service, name) JOIN(_nss_, service, name)

enum nss_status NAME(SERVICE, _getpwnam_r)(const char *name, struct passwd *entry, char *buffer, size_t length,
                                           int *error) {
	(void)name, (void)entry, (void)buffer, (void)length;
	COUNT();
	*error = ENOENT;
	return NSS_STATUS_NOTFOUND;
}

enum nss_status NAME(SERVICE, _gethostbyname4_r)(const char *name, void **result, char *buffer, size_t length,
                                                 int *error, int *host_error, int *ttl) {
	(void)name, (void)result, (void)buffer, (void)length, (void)ttl;
	COUNT();
	*error = ENOENT;
	*host_error = HOST_NOT_FOUND;
	return NSS_STATUS_NOTFOUND;
}
