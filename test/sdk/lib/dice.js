// SPDX-License-Identifier: Apache-2.0
// Dice that fall the same way again for the same seed (mulberry32: small, and the same everywhere).
export class Dice {
  constructor(seed) {
    this.state = seed;
  }

  /** 0 to 1, without 1. */
  roll() {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(most) {
    return Math.floor(this.roll() * most);
  }

  between(least, most) {
    return least + this.below(most - least + 1);
  }

  chance(part) {
    return this.roll() < part;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  /** Of [weight, value] pairs one value. */
  weighted(pairs) {
    let left = this.below(pairs.reduce((sum, [weight]) => sum + weight, 0));
    return pairs.find(([weight]) => (left -= weight) < 0)[1];
  }
}
