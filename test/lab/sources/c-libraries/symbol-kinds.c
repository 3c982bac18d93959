/* One symbol of each kind that the loader treats in its own way. */
#include <stddef.h>

__thread int kind_tls = 3;
int kind_common[4];
const int kind_constant = 11;
int kind_object = 12;

__attribute__((weak)) int kind_weak_defined(void) { return 1; }
__attribute__((weak)) int kind_weak_undefined(void);

static int chosen(void) { return 77; }
static void *choose(void) { return (void *)chosen; }
int kind_ifunc(void) __attribute__((ifunc("choose")));

__attribute__((visibility("hidden"))) int kind_hidden(void) { return 2; }
__attribute__((visibility("protected"))) int kind_protected(void) { return 3; }

int kind_alias_target(void) { return 4; }
int kind_alias(void) __attribute__((alias("kind_alias_target")));

int kind_user(void) {
	int sum = kind_tls + kind_object + kind_common[0] + kind_ifunc() + kind_hidden() + kind_protected();
	return kind_weak_undefined != NULL ? sum + kind_weak_undefined() : sum;
}
