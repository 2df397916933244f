// SPDX-License-Identifier: Apache-2.0
// The strategies of the fault matrix: the route of each, and what it must come to when its faulty target fails so.
//
// expect(f) gives { tries, winner }: who is asked, in order, and whose answer the caller gets: "good", "bad" (the answer or the fault of the
// faulty one), or "either" where both are fine.

const retried = [429, 500, 502, 503, 504, 529];
const isLate = (f) => f.is === "late" || f.is === "late half";
const isTimed = (f) => (isLate(f) || f.is === "late begun") && !f.may;
const patient = ({ request_timeout: _, event_timeout: __, ...target }) => target;
const isBegun = (f) => f.is === "begun" || f.is === "late begun";
const fails = (f) => f.is !== "fine" && !isBegun(f);

/** Whether a list of status codes holds it: no answer is what a gateway would say of it. */
const listed = (f, codes) => (f.is === "status" || f.spoils ? codes.includes(f.status) : (isLate(f) ? [408, 504] : [500, 502, 503]).some((code) => codes.includes(code)));
const classes = (f) => (f.is === "status" ? f.errors : isLate(f) ? ["timeout", "outage"] : ["outage"]);

const alone = { tries: ["bad"], winner: "bad" };
const onward = { tries: ["bad", "good"], winner: "good" };
const next = (f, leads) => (fails(f) && leads ? onward : alone);
const again = (f) => fails(f) && listed(f, retried) && !f.unwaited;
const inRace = (f, tries) => (fails(f) ? { tries, winner: "good" } : { tries, winner: "either", loose: true });

const pause = { base: 5, most: 20 };
const targets = (mode, more = {}) => (bad, good) => ({ strategy: { mode, ...more }, targets: [bad, good] });

export const ways = {
  "no route": { route: () => null, expect: () => alone },
  "retry": { route: (bad) => ({ ...bad, retry: { attempts: 2, ...pause } }), expect: (f) => (again(f) ? { tries: ["bad", "bad", "bad"], winner: "bad" } : alone) },
  "retry, and it heals": { heals: true, route: (bad) => ({ ...bad, retry: { attempts: 2, ...pause } }), expect: (f) => (again(f) && !f.vendor ? { tries: ["bad", "bad"], winner: "healed" } : again(f) ? { tries: ["bad", "bad", "bad"], winner: "bad" } : alone) },
  "fallback": { route: targets("fallback"), expect: (f) => next(f, true) },
  "fallback: codes": { route: targets("fallback", { on_status_codes: [429, 503, 529] }), expect: (f) => next(f, listed(f, [429, 503, 529])) },
  "fallback: context, policy": { route: targets("fallback", { on_errors: ["context_window", "content_policy"] }), expect: (f) => next(f, classes(f).some((c) => ["context_window", "content_policy"].includes(c))) },
  "fallback: outage, timeout": { route: targets("fallback", { on_errors: ["outage", "timeout"] }), expect: (f) => next(f, classes(f).some((c) => ["outage", "timeout"].includes(c))) },
  "retry, then fallback": {
    route: (bad, good) => ({ strategy: { mode: "fallback" }, targets: [{ ...bad, retry: { attempts: 1, ...pause } }, good] }),
    expect: (f) => (again(f) ? { tries: ["bad", "bad", "good"], winner: "good" } : next(f, true)),
  },
  "balance with failover": { route: (bad, good) => ({ strategy: { mode: "balance", failover: true }, targets: [{ ...bad, weight: 1000 }, { ...good, weight: 0.001 }] }), expect: (f) => next(f, true), drawn: true },
  "balance": { route: (bad, good) => ({ strategy: { mode: "balance" }, targets: [{ ...bad, weight: 1000 }, { ...good, weight: 0.001 }] }), expect: () => alone, drawn: true },
  "canary": { route: (bad, good) => ({ strategy: { mode: "canary", percent: 100, failover: true }, targets: [good, bad] }), expect: (f) => next(f, true) },
  "conditional": {
    route: (bad, good) => ({ strategy: { mode: "conditional", conditions: [{ query: { "params.max_tokens": { $lte: 50 } }, then: "few" }], default: "many" }, targets: [{ name: "many", ...good }, { name: "few", strategy: { mode: "fallback" }, targets: [bad, good] }] }),
    expect: (f) => next(f, true),
  },
  "cheapest": { route: targets("cheapest"), expect: (f) => next(f, true) },
  "race, faulty first": { races: true, route: targets("race"), expect: (f) => inRace(f, ["bad", "good"]) },
  "race, faulty second": { races: true, route: (bad, good) => targets("race")(good, bad), expect: (f) => inRace(f, ["good", "bad"]) },
  "race, hedged": { races: true, hedged: true, route: targets("race", { stagger: 60 }), expect: (f) => (fails(f) ? { tries: ["bad", "good"], winner: "good" } : { tries: ["bad", "good"], winner: "either", loose: true }) },
  "race, then fallback": {
    races: true, route: (bad, good) => ({ strategy: { mode: "fallback" }, targets: [{ strategy: { mode: "race" }, targets: [bad, bad] }, good] }),
    expect: (f) => (fails(f) ? { tries: ["bad", "bad", "good"], winner: "good" } : { tries: ["bad", "bad"], winner: "bad", loose: true }),
  },
  "the route's deadline": { // of all attempts together: nobody has time left to be asked
    only: isTimed,
    route: (bad, good) => ({ deadline: 2000, strategy: { mode: "fallback" }, targets: [patient(bad), good] }),
    expect: () => alone,
  },
  "race, the route's deadline": { only: isTimed, races: true, route: (bad) => ({ deadline: 2000, strategy: { mode: "race" }, targets: [patient(bad), patient(bad)] }), expect: () => ({ tries: ["bad", "bad"], winner: "bad", loose: true }) },
  "shadow is faulty": { shadow: true, route: (bad, good) => targets("shadow")(good, bad), expect: () => ({ tries: ["good"], winner: "good" }) },
};
