// Texts for tokenizers, made from a seed: every script, signs, code, numbers, white space, emoji, broken bytes. The two characters on which
// JavaScript's \s and Unicode's White_Space differ (U+0085, U+FEFF) are left out.

function random(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * below);
  };
}

const WORDS = `the of Hello WORLD HTTPServer iPhone don't DON'T we'LL I'VE they're it'S naïve façade Straße ǅungla Привет МИР καλημέρα
 שלום مرحبا नमस्ते ภาษาไทยไม่มีช่องว่าง 你好世界 日本語のテキスト 한국어 ქართული հայերեն አማርኛ தமிழ் 😀 👩‍👩‍👧‍👦 🏳️‍🌈 é́́ x̣̂ ʰᵃˡᶠ ª º ½ ² Ⅷ ٣٤٥
 12345678 3.14159 0x7fff 1_000 a1b2c3 snake_case camelCase kebab-case foo.bar() x=>y; a&&b||c //comment /* x */ #include <stdio.h> {"a":[1,2]}
 https://example.com/a/b?c=d%20e user@example.org <|endoftext|> <|im_start|> ---- ==== .... !!!??? \\n\\t \`\`\` ''' """ £€¥ ∑∫√ → ⇒ 𝒳𝓎 𠀀𠮷 🂡 ｆｕｌｌ`
  .split(/\s+/);
const BLANKS = [' ', ' ', ' ', ' ', '  ', '\t', '\n', '\r\n', '\n\n\n', '    ', ' \n ', '\u00a0', '\u2003', '\u3000', '\u2028', '', '', '/\n', ' \n/'];
const RANGES = [
  [0x20, 0x7e], [0xa0, 0x24f], [0x250, 0x36f], [0x370, 0x52f], [0x530, 0x6ff], [0x900, 0xdff], [0xe00, 0x109f], [0x10a0, 0x1fff],
  [0x2000, 0x2bff], [0x3000, 0x33ff], [0x4e00, 0x9fff], [0xac00, 0xd7a3], [0xf900, 0xfefe], [0xff00, 0xffef], [0x10000, 0x1fbff],
  [0x20000, 0x32000], [0xe0100, 0xe01ef], [0x1f300, 0x1faff],
];

function character(pick) {
  const [from, to] = RANGES[pick(RANGES.length)];
  return String.fromCodePoint(from + pick(to - from + 1));
}

function one(pick, kind) {
  let text = '';
  const length = 1 + pick(kind === 3 ? 12 : 60);
  for (let i = 0; i < length; i++) {
    if (kind === 0) text += WORDS[pick(WORDS.length)] + BLANKS[pick(BLANKS.length)];
    else if (kind === 1) text += character(pick);
    else if (kind === 2) text += pick(3) ? character(pick) : BLANKS[pick(BLANKS.length)] + WORDS[pick(WORDS.length)];
    else text += (pick(2) ? character(pick) : "aZ9' \n/é"[pick(8)]).repeat(1 + pick(pick(4) ? 8 : 400));
  }
  return text;
}

/** `count` buffers; every ninth has bytes that are no UTF-8. */
export function texts(count, seed = 5) {
  const pick = random(seed);
  const made = [];
  for (let i = 0; i < count; i++) {
    const bytes = Buffer.from(one(pick, i % 4));
    if (i % 9 === 8) for (let k = 0; k < 3; k++) bytes[pick(bytes.length)] = 0x80 + pick(128);
    if (!/[\u0085\ufeff]/.test(bytes.toString())) made.push(bytes);
  }
  return made;
}
