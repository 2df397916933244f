// SPDX-License-Identifier: Apache-2.0
// Text messages as agents write them and as nobody would: from a seed, so that a failure can be had again.

/** A small generator of dice (mulberry32 by its published recurrence): the same seed, the same throws. */
export function dice(seed) {
  let state = seed >>> 0;
  return (sides) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % sides;
  };
}

const split = (text) => [...text];
const pieces = {
  plain: split("abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 .,;:!?'\"()@#$%&*+-/<>=_\n"),
  gsm: split("£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà\r"),
  extended: split("^{}\\[~]|€\f"),
  smart: split("«»“”‘’–—…•´ ½÷ʼ‹›‼　＂＃Ａ０\u200b\u2028\t`"),
  cyrillic: split("абвгдежзийклмнопрстуфхцчшщъыьэюя"),
  asian: split("漢字仮名交じり文안녕하세요ไทยहिन्दी"),
  emoji: ["😀", "👍", "👍🏽", "👨‍👩‍👧‍👦", "🇩🇪", "🇫🇷", "❤️", "👩‍🚀", "1️⃣", "🏴", "🧑🏿", "☝🏻", "👩‍❤️‍💋‍👨", "🤷‍♀️"],
  marks: ["e\u0301", "n\u0303", "a\u0308\u0301", "क्षि", "각", "\u1112\u1161\u11ab", "\u0600١", "\u0e01\u0e33"],
  odd: ["\u0301", "\u200d", "🇩", "🏽", "\u00ad", "\ufeff", "\r\n", "\u{e0061}", "\u0338", "\u0302", "𝒳", "\u0378"],
};
const kinds = Object.keys(pieces);
// Most messages are of one or two kinds; lengths crowd around the edges of parts.
const mixtures = [["plain"], ["plain", "gsm"], ["plain", "extended"], ["plain", "smart"], ["plain", "cyrillic"], ["emoji", "plain"], ["emoji"],
  ["marks", "asian"], ["smart"], ["extended"], ["odd", "emoji"], kinds];
const edges = [1, 35, 67, 70, 71, 134, 135, 153, 160, 161, 201, 306, 307, 402];

export function randomText(die) {
  const mixture = mixtures[die(mixtures.length)];
  const length = die(3) ? Math.max(1, edges[die(edges.length)] + die(9) - 4) : 1 + die(450);
  let text = "";
  while (text.length < length) {
    const of = pieces[mixture[die(mixture.length)]];
    text += of[die(of.length)];
  }
  return text;
}
