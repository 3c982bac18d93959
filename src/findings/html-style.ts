/** The style sheet of the HTML report, for screens of any width, light and dark, and for paper. */
export const pageStyle = `
:root {
  --page: #f6f7f9; --card: #fff; --ink: #16202c; --soft: #5a6675; --line: #dfe4ea; --code: #f0f3f6;
  --error: #c4232b; --warning: #a86400; --info: #1668b8; --undecided: #6b7684; --excepted: #6b7684; --pass: #1a7f45;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f141a; --card: #171e26; --ink: #e4eaf1; --soft: #94a1b0; --line: #2a3440; --code: #0f151c;
    --error: #ff7077; --warning: #f0b04c; --info: #6bb2f7; --undecided: #94a1b0; --excepted: #94a1b0; --pass: #56c983;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 66rem; padding: 2rem 1.25rem 3rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
code { font: 0.86em/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
header { border-left: 5px solid var(--tone); padding: 0.1rem 0 0.1rem 1rem; }
header.error, article.error { --tone: var(--error); }
header.warning, article.warning { --tone: var(--warning); }
header.pass { --tone: var(--pass); }
article.info { --tone: var(--info); }
article.undecided, article.excepted { --tone: var(--undecided); }
header p { margin: 0; color: var(--soft); }
header .name { font-weight: 600; letter-spacing: 0.02em; }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.25; letter-spacing: -0.01em; color: var(--tone); }
nav { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 1.5rem 0 0.5rem; }
nav label {
  cursor: pointer; border: 1px solid var(--line); border-radius: 999px; padding: 0.2rem 0.85rem; background: var(--card);
  color: var(--soft);
}
nav label b { color: var(--ink); }
nav label.error b { color: var(--error); }
nav label.warning b { color: var(--warning); }
nav label.info b { color: var(--info); }
nav input { position: absolute; opacity: 0; pointer-events: none; }
nav label:has(:checked) { border-color: var(--ink); color: var(--ink); }
nav label:has(:focus-visible) { outline: 2px solid var(--info); outline-offset: 2px; }
body:has(#show-error:checked) article:not(.error),
body:has(#show-warning:checked) article:not(.warning),
body:has(#show-info:checked) article:not(.info),
body:has(#show-undecided:checked) article:not(.undecided),
body:has(#show-excepted:checked) article:not(.excepted) { display: none; }
section { margin-top: 1.9rem; }
h2 { margin: 0 0 0.7rem; font-size: 1rem; font-weight: 600; }
h2 code { font-size: 0.95em; }
article, .problems, .clean {
  background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--tone, var(--line)); border-radius: 7px;
  padding: 0.8rem 1rem; margin: 0 0 0.7rem; break-inside: avoid;
}
.problems { --tone: var(--error); margin-top: 1.5rem; }
.problems ul { margin: 0; padding: 0; list-style: none; }
.problems li + li { margin-top: 0.6rem; }
.clean { --tone: var(--pass); color: var(--soft); }
article.undecided h3, article.excepted h3 { font-weight: 500; color: var(--soft); }
.head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.25rem 0.7rem; margin: 0; color: var(--soft); font-size: 0.9rem; }
.head a { color: var(--ink); font-weight: 600; text-decoration: none; }
.head a:hover { text-decoration: underline; }
.badge {
  color: var(--tone); border: 1px solid currentColor; border-radius: 4px; padding: 0 0.4rem; font-size: 0.75rem; font-weight: 600;
}
h3 { margin: 0.35rem 0 0; font-size: 1.02rem; font-weight: 600; overflow-wrap: anywhere; }
.evidence { overflow-x: auto; margin-top: 0.6rem; }
table { border-collapse: collapse; font-size: 0.9rem; }
td { padding: 0.12rem 1.4rem 0.12rem 0; vertical-align: baseline; color: var(--soft); }
td:nth-child(2) { color: var(--ink); }
.file { font-size: 0.92em; overflow-wrap: anywhere; }
.note { margin: 0.5rem 0 0; color: var(--soft); overflow-wrap: anywhere; }
.fix { display: flex; gap: 0.8rem; align-items: baseline; margin-top: 0.7rem; background: var(--code); border-radius: 5px; padding: 0.4rem 0.7rem; }
.fix span { color: var(--pass); font-weight: 600; font-size: 0.85rem; }
.fix code { white-space: pre-wrap; }
footer { margin-top: 2.2rem; color: var(--soft); font-size: 0.85rem; }
@media print { nav { display: none; } body { background: none; padding: 0; } }
`;
