int builtin_answer(void); int builtin_answer(void) { return 42; }
