//! Tests of what matters of a text, and what does not.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn sliced(text: &str) -> Vec<u8> {
    slice(text.as_bytes()).unwrap_or_else(|| panic!("not understood: {text}"))
}

/// Does it matter whether `unused` is there, too?
fn matters(used: &str, unused: &str) -> bool {
    sliced(used) != sliced(&format!("{unused}\n{used}"))
}

#[test]
fn what_nobody_mentions_does_not_matter() {
    let used = "int f(int a) { return a + 1; }";
    for unused in [
        "struct s { int a; };",
        "struct s;",
        "typedef int t;",
        "enum e { A = 3, B };",
        "int g(void);",
        "extern int v;",
        "static inline int g(void) { return 7; }",
        "# 12 \"other.h\" 2",
        "extern inline __attribute__((gnu_inline)) int g(void) { return 7; }",
    ] {
        assert!(!matters(used, unused), "{unused}");
    }
}

#[test]
fn what_makes_something_matters_without_being_mentioned() {
    let used = "int f(int a) { return a + 1; }";
    for unused in [
        "int v;",
        "static int g(void) { return 7; }",
        "asm(\".globl x\");",
        "#pragma GCC optimize (\"O1\")",
        "_Static_assert(1, \"\");",
        "int f(int a) __attribute__((cold));",
        "extern int f(int a) __attribute__((section(\".x\")));",
        "void *memcpy(void *, const void *, unsigned long) asm(\"__memcpy\");",
    ] {
        assert!(matters(used, unused), "{unused}");
    }
}

#[test]
fn what_is_mentioned_matters_and_what_that_mentions() {
    for (used, mentioned) in [
        (
            "int f(void) { return g(); }",
            "static inline int g(void) { return 7; }",
        ),
        (
            "int f(void) { return g(); }",
            "int g(void) __attribute__((noreturn));",
        ),
        ("int f(void) { return A; }", "enum e { A = 3, B };"),
        ("int f(enum e a) { return a; }", "enum e { A = 3, B };"),
        ("int f(t a) { return a; }", "typedef int t;"),
        (
            "int f(void) { return sizeof(struct s); }",
            "struct s { int a; };",
        ),
        ("struct s v;", "struct s { int a; };"),
        (
            "int f(void) { return sizeof(t); }",
            "typedef struct { int a; } t;",
        ),
        (
            "int f(struct s *p) { return p->a; }",
            "struct s { int a; };",
        ),
        (
            "int f(void) { return __builtin_strlen(\"\"); }",
            "static inline int strlen(char *a) { return 7; }",
        ),
        (
            "int f(void) { int v __attribute__((cleanup(g))); return 1; }",
            "static inline void g(int *a) { }",
        ),
    ] {
        assert!(
            slice(used.as_bytes())
                .is_none_or(|less| less != sliced(&format!("{mentioned}\n{used}"))),
            "{used}"
        );
    }
    let deep = "static inline int g(void) { return A; }\nint f(void) { return g(); }";
    assert!(matters(deep, "enum { A };"));
}

/// Does the end of a struct matter to this code?
fn end_matters(code: &str) -> bool {
    let with = |end: &str| {
        sliced(&format!(
            "struct i {{ int a; {end} }};\n\
             struct s {{ int a; int b : 3; int c : 5; struct s *next; struct i *to; {end} }};\n\
             typedef struct s t;\n\
             struct s *g(int);\nstruct s *array[4];\nextern struct s **table;\n{code}\n"
        ))
    };
    with("int x;") != with("int x; int y;")
}

#[test]
fn the_end_of_a_struct_that_is_only_pointed_to_does_not_matter() {
    for code in [
        "int f(struct s *p) { return p->a; }",
        "struct s *f(struct s *p) { return p->next->next; }",
        "int f(struct s *p) { return p->a + p->next->a * 2; }",
        "int f(void) { return g(3)->a; }",
        "int f(int n) { return array[n]->a; }",
        "int f(struct s *p) { return p && p->next == 0 && !p->to; }",
        "int f(t *p) { return (*p).a; }",
        "int f(void *p) { return ((struct s *)p)->a; }",
        "int f(void *p) { struct s *q = p; return q ? q->a : 1; }",
        "int f(struct s *p) { return ({ typeof(p->next) q = p->next; q; })->a; }",
        "int f(struct s *p) { __auto_type q = p; return q->a; }",
        "struct s *f(struct s *p) { return *(struct s * volatile *)&p->next; }",
        "int f(struct s *p) { return __builtin_offsetof(struct s, next); }",
        "int f(struct s *p) { for (struct s *q = p; q; q = q->next) p = q; return p->a; }",
        "int f(struct s *p) { switch (p->a) { case 1: return 2; default: goto out; } out: return 1; }",
        "int f(struct s *p) { asm(\"\" : \"=m\"(p->a) : [x] \"r\"(p)); return 1; }",
        "int f(struct s *p) { return _Generic(p->a, int: 1, default: 2); }",
        "unsigned long f(struct s *p) { return sizeof(p) + sizeof(p->next); }",
        "int f(struct s **p) { return p[3]->a; }",
        "int (*f)(struct s *p);",
        "struct u { struct s *p; } v;",
    ] {
        assert!(!end_matters(code), "{code}");
    }
}

#[test]
fn the_end_of_a_struct_whose_size_is_asked_for_matters() {
    for code in [
        "int f(struct s *p) { return p->x; }",
        "int f(struct s *p) { return p->to->x; }",
        "unsigned long f(void) { return sizeof(struct s); }",
        "unsigned long f(struct s *p) { return sizeof *p; }",
        "unsigned long f(struct s *p) { return sizeof(*p->next); }",
        "void f(struct s *p) { *p = *p->next; }",
        "struct s *f(struct s *p) { return p + 1; }",
        "struct s *f(struct s *p) { return 1 + (p); }",
        "struct s *f(struct s *p) { return p->next - 1; }",
        "long f(struct s *p, struct s *q) { return (long)(p - q); }",
        "struct s *f(struct s *p) { return p++; }",
        "struct s *f(struct s *p) { return ++p->next; }",
        "struct s *f(struct s *p) { p += 2; return p; }",
        "int f(struct s *p) { return p[3].a; }",
        "int f(void) { return g(1)[3].a; }",
        "int f(void) { return (g(1) + 3)->a; }",
        "struct s *f(int n) { return (n ? g(1) : g(2)) + 3; }",
        "struct s *f(void) { return ({ int n = 3; g(n); }) + 3; }",
        "struct s *f(void) { __auto_type p = g(1); return p + 3; }",
        "struct s *f(struct s *p) { typeof(p) q = p; return q + 3; }",
        "struct s *f(struct s *p) { typeof(*p) *q = p; return q + 3; }",
        "struct s *f(void *p) { return (struct s *)p + 3; }",
        "struct s *f(int n) { return *table + n; }",
        "struct s *f(int n) { return &table[0][n]; }",
        "struct s v;",
        "t v[3];",
        "typedef struct s several[2];\nseveral v;",
        "void f(void) { t v; g(v.a); }",
        "unsigned long f(void) { return sizeof(t); }",
        "t *f(t *p) { return p + 1; }",
        "extern struct s v;\nint f(void) { return v.a; }",
        "struct u { struct s s; int b; };\nint f(struct u *p) { return p->b; }",
        "int f(struct s p) { return 1; }",
        "void f(void) { struct s v = { .a = 1 }; g(v.a); }",
        "void f(void) { g((struct s){ 1 }.a); }",
        "void f(struct s *p) { asm(\"\" : : \"m\"(*p)); }",
        "unsigned long f(void) { return __builtin_offsetof(struct s, x); }",
    ] {
        assert!(end_matters(code), "{code}");
    }
}

/// What a function makes of a struct with this body, whose first member it reads.
fn of_struct(body: &str) -> Vec<u8> {
    sliced(&format!(
        "struct w {{ long l; }} __attribute__((aligned(16)));\n\
         struct s {{ {body} }};\nint f(struct s *p) {{ return p->a; }}\n"
    ))
}

#[test]
fn what_is_behind_the_last_member_that_is_reached_matters_for_the_alignment_only() {
    let one = of_struct("int a; int b;");
    assert_eq!(one, of_struct("int a; int b[7]; short c;"));
    for other in [
        "int a;",
        "int z; int a; int b;",
        "int a; long b;",
        "int a; void *b;",
        "int a; int b __attribute__((aligned(16)));",
        "int a; struct w b;",
        "int a; struct { int c; struct w d; } b;",
        "unsigned a; int b;",
        "int a : 7; int b;",
    ] {
        assert_ne!(one, of_struct(other), "{other}");
    }
}

#[test]
fn bits_are_read_with_those_beside_them() {
    let one = of_struct("int a : 3; int b : 3; int c; int d;");
    assert_eq!(one, of_struct("int a : 3; int b : 3; int c; int e[2];"));
    assert_ne!(one, of_struct("int a : 3; int b : 4; int c; int d;"));
    assert_ne!(one, of_struct("int a : 3; int b : 3; short c; int d;"));
}

#[test]
fn static_variables_are_numbered_with_those_that_nobody_uses() {
    let used = "int f(void) { static int a; return a++; }";
    assert!(matters(
        used,
        "static inline int g(void) { static int b; return b; }"
    ));
    assert!(matters(
        used,
        "static inline const char *g(void) { return __func__; }"
    ));
    assert!(!matters(
        used,
        "static inline int g(void) { int b = 1; return b; }"
    ));
}

#[test]
fn what_is_not_understood_is_not_cut() {
    for text in [
        "int f(struct s *p) { return p->a; }",
        "struct s { int a; };\nint f(struct s *p) { return p->b; }",
        "int f(void) { return (1; }",
        "int f(void) { return 'a; }",
        "int f(void) }",
        "int f(void) { typedef int t; t a = 1; return a; }",
        "int f(void) { struct s { int a; } b; return b.a; }",
    ] {
        assert_eq!(slice(text.as_bytes()), None, "{text}");
    }
    let deep = format!("int v = {}1{};", "(".repeat(5000), ")".repeat(5000));
    assert_eq!(slice(deep.as_bytes()), None);
    let circle =
        "typedef a b; typedef b a; struct s { a x; b y; };\nint f(struct s *p) { return p->x.z; }";
    assert_eq!(slice(circle.as_bytes()), None);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<Vec<u8>>()) {
        let _ = slice(&text);
    }

    #[test]
    fn no_row_of_tokens_makes_it_panic(words in proptest::collection::vec(0..TOKENS.len(), 0..80)) {
        let text: Vec<_> = words.into_iter().map(|at| TOKENS[at]).collect();
        let _ = slice(text.join(" ").as_bytes());
    }
}

const TOKENS: &[&str] = &[
    "struct",
    "union",
    "enum",
    "typedef",
    "static",
    "extern",
    "inline",
    "typeof",
    "sizeof",
    "__attribute__",
    "asm",
    "__builtin_offsetof",
    "_Generic",
    "_Static_assert",
    "__auto_type",
    "for",
    "if",
    "case",
    "return",
    "goto",
    "do",
    "default",
    "int",
    "const",
    "x",
    "y",
    "z",
    "s",
    "(",
    ")",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ";",
    ";",
    ",",
    "*",
    "&",
    "=",
    "->",
    ".",
    "++",
    "+",
    ":",
    "?",
    "1",
    "\"t\"",
    "\n#pragma x\n",
    "(x)",
    "{ }",
    "struct s { int a; } ;",
    "struct s *x",
    "x->a",
];
