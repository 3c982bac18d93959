// Static data of templates and inline functions: one in the whole process, however often it is defined.
template <typename Type> struct Registry {
	static Type count;
};
template <typename Type> Type Registry<Type>::count = 0;

inline int &inline_counter() {
	static int counter = 0;
	return ++counter, counter;
}

extern "C" int unique_next() {
	return ++Registry<int>::count + inline_counter();
}
