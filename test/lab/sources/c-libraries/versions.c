/* One function in two versions: VERS_2.0 is the default, VERS_1.0 is kept for old callers. */
__asm__(".symver answer_old, answer@VERS_1.0");
__asm__(".symver answer_new, answer@@VERS_2.0");

int answer_old(void) { return 41; }
int answer_new(void) { return 42; }
int only_old(void) { return 1; }
int only_new(void) { return 2; }
int kept_inside(void) { return 3; }
