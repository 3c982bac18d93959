#define SECTION(name) __attribute__((section(name), used))

SECTION("uretprobe//usr/bin/probe-target:main.manyReturns")
int on_many_returns(void *context) {
	return context == 0;
}

SECTION("license") char _license[] = "GPL";
