/*
 * Opens the objects of its command line in order and prints one line of JSON for each.
 * Flags hold for the objects after them: --local, --global, --now, --lazy; --call NAME calls `int NAME(void)` in each.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#ifdef DEFINES_PROVIDER
int provider_fn(void) {
	return 1000;
}
#endif

static void print_json(const char *text) {
	putchar('"');
	for (; *text != 0; text++) {
		if (*text == '"' || *text == '\\') putchar('\\');
		putchar((unsigned char)*text < ' ' ? ' ' : *text);
	}
	putchar('"');
}

static void print_line(const char *path, const char *outcome, const char *message) {
	printf("{\"plugin\":");
	print_json(path);
	printf(",\"outcome\":\"%s\",\"message\":", outcome);
	print_json(message);
	printf(",\"symbols\":{");
}

int main(int count, char **values) {
	int scope = RTLD_LOCAL, binding = RTLD_NOW;
	const char *call = NULL;
	for (int i = 1; i < count; i++) {
		const char *value = values[i];
		if (strcmp(value, "--local") == 0) { scope = RTLD_LOCAL; continue; }
		if (strcmp(value, "--global") == 0) { scope = RTLD_GLOBAL; continue; }
		if (strcmp(value, "--now") == 0) { binding = RTLD_NOW; continue; }
		if (strcmp(value, "--lazy") == 0) { binding = RTLD_LAZY; continue; }
		if (strcmp(value, "--call") == 0 && i + 1 < count) { call = values[++i]; continue; }
		void *object = dlopen(value, scope | binding);
		print_line(value, object != NULL ? "loads" : "fails", object != NULL ? "" : dlerror());
		if (object != NULL && call != NULL) {
			int (*function)(void) = (int (*)(void))dlsym(object, call);
			print_json(call);
			putchar(':');
			if (function != NULL) {
				/* Before the call, so that a crash leaves the line's beginning. */
				fflush(stdout);
				printf("\"%d\"", function());
			} else {
				print_json(dlerror());
			}
		}
		puts("}}");
		fflush(stdout);
	}
	return 0;
}
