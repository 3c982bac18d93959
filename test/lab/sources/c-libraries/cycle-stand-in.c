int cycle_b(int depth) { return depth; }
