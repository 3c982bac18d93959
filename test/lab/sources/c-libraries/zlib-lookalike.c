/* Has the names of zlib's functions and does nothing of what they do. */

const char *zlibVersion(void) { return "1.2.13"; }
unsigned long zlibCompileFlags(void) { return 0; }
unsigned long adler32(unsigned long start, const unsigned char *bytes, unsigned length) {
	while (length-- > 0) start = start * 31 + *bytes++;
	return start;
}
unsigned long crc32(unsigned long start, const unsigned char *bytes, unsigned length) {
	while (length-- > 0) start = start * 33 ^ *bytes++;
	return start;
}
int deflateInit_(void *stream, int level, const char *version, int size) { return stream == 0 || level + size < 0 || version == 0; }
int deflate(void *stream, int flush) { return stream == 0 ? flush : 1; }
int deflateEnd(void *stream) { return stream == 0; }
int inflateInit_(void *stream, const char *version, int size) { return stream == 0 || version == 0 || size < 0; }
int inflate(void *stream, int flush) { return stream == 0 ? flush : 1; }
int inflateEnd(void *stream) { return stream == 0; }
int compress(unsigned char *to, unsigned long *to_length, const unsigned char *from, unsigned long length) {
	*to_length = length;
	while (length-- > 0) *to++ = *from++;
	return 0;
}
int uncompress(unsigned char *to, unsigned long *to_length, const unsigned char *from, unsigned long length) {
	return compress(to, to_length, from, length);
}
