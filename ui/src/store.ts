// SPDX-License-Identifier: Apache-2.0
// A value that several parts look at.
import { useEffect, useState } from "preact/hooks";

export interface Cell<T> {
  get(): T;
  set(value: T): void;
  follow(fn: (value: T) => void): () => void;
}

export function cell<T>(value: T): Cell<T> {
  const followers = new Set<(value: T) => void>();
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const follower of [...followers]) follower(next);
    },
    follow(fn) {
      followers.add(fn);
      return () => void followers.delete(fn);
    },
  };
}

export function useCell<T>(of: Cell<T>): T {
  const [value, setValue] = useState(() => of.get());
  useEffect(() => {
    setValue(() => of.get()); // it may have changed since
    return of.follow((next) => setValue(() => next));
  }, [of]);
  return value;
}
