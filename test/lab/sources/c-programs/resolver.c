/* Resolves a host name and a user name through the C library's name services. */
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>

int main(int count, char **values) {
	const char *host = count > 1 ? values[1] : "localhost";
	const char *user = count > 2 ? values[2] : "root";
	struct addrinfo *addresses = NULL;
	int error = getaddrinfo(host, NULL, NULL, &addresses);
	printf("host %s: %s\n", host, error == 0 ? "found" : gai_strerror(error));
	fflush(stdout);
	struct passwd *entry = getpwnam(user);
	printf("user %s: %s\n", user, entry != NULL ? "found" : "not found");
	return 0;
}
