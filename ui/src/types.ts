// SPDX-License-Identifier: Apache-2.0
// What several pages read of the gate, as its API has it (GET /api/v1/openapi.json).

export interface Sums {
  cost_usd?: string;
  total_usd?: string;
  in_doubt_usd: string;
  calls: number;
  forwarded: number;
  refused: number;
  input_tokens: number;
  output_tokens: number;
  first_at: string | null;
  last_at: string | null;
}

export interface StopInForce {
  kind: string;
  value: string | null;
  reason: string | null;
  by: string | null;
  created_at: string | null;
}

export interface Run extends Sums {
  run: string;
  workspace?: string;
  total_usd: string;
  stopped: StopInForce | null;
}

export type Group = Sums & Record<string, unknown>;

export interface WholeRun extends Run {
  by_vendor: Group[];
  by_operation: Group[];
  by_model: Group[];
  by_step: Group[];
  by_key: Group[];
}

export interface Attempt {
  vendor: string | null;
  model: string | null;
  status: number;
  ms: number;
  cost_usd: string;
  credential: string | null;
  target: string | null;
  reason: string | null;
}

export interface PriceLine {
  /** A meter of tokens ("in", "cache_read") or a kind of piece ("web_search"). */
  what: string;
  count: number;
  /** For `per` of them: a million tokens, or one piece. */
  price_usd: string;
  per: number;
  cost_usd: string;
}

export interface BudgetAfter {
  budget: string;
  unit: string;
  limit: string | number;
  spent: string | number;
  reserved: string | number;
  resets_at: string | null;
}

export interface Call {
  id: string;
  at: string;
  workspace: string;
  key: string | null;
  key_name: string | null;
  user: string | null;
  run: string | null;
  step: string | null;
  label?: string | null;
  vendor: string | null;
  operation: string | null;
  method: string | null;
  path: string | null;
  model_requested: string | null;
  model: string | null;
  caller_address: string | null;
  policy_version: string | null;
  route: string | null;
  credential: string | null;
  idempotency: string | null;
  metadata: Record<string, unknown>;
  price_snapshot: string | null;
  reserved_usd: string | null;
  scopes: Record<string, unknown>;
  status: number;
  verdict: "allowed" | "denied" | "error" | "in_doubt";
  denied: string | null;
  reason: string | null;
  rule: string | null;
  attempts: Attempt[];
  skipped?: string | null;
  price_lines?: PriceLine[];
  cost_usd: string | null;
  settled: boolean;
  estimated: boolean;
  replayed: boolean;
  usage: unknown;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  reasoning_tokens: number;
  output_limit_set: number | null;
  upstream_request_id: string | null;
  upstream_object_id: string | null;
  cache: string | null;
  latency_ms: number;
  upstream_ms: number;
  first_byte_ms: number;
  longest_gap_ms?: number | null;
  gate_us: number;
  budgets: BudgetAfter[];
  repeat_of?: string | null;
  saved_usd?: string | null;
  approval?: string | null;
  trace_id?: string | null;
  captured?: boolean;
  shadow?: unknown;
  prev_hash: string;
  hash: string;
}

export interface WholeCall extends Call {
  settlements: (Record<string, unknown> & { id: string; at: string; cost_usd: string | null; outcome: string | null; reason: string | null; actor: string | null })[];
  events: (Record<string, unknown> & { id: string; at: string; event?: unknown })[];
}

export interface Cap {
  account: string;
  budget: string;
  subject: string | null;
  unit: string;
  limit: string | number;
  spent: string | number;
  reserved: string | number;
  percent: number;
  resets_at: string | null;
  full_at: string | null;
}

export interface Rate {
  at: string;
  calls: number;
  refused: number;
  errors: number;
  cost_usd: string;
}

export interface Top {
  id?: string | null;
  name: string | null;
  cost_usd: string;
  calls: number;
}

export interface NowAnswer {
  at: string;
  spend: { minute_usd: string; hour_usd: string; today_usd: string; month_usd: string };
  rates: Rate[];
  open_calls: number;
  held_usd: string;
  in_doubt: { count: number; usd: string };
  approvals_waiting: number;
  caps: Cap[];
  top: { keys: Top[]; runs: Top[]; vendors: Top[] };
  alarms: { code: string; text: string; since: string | null }[];
}

/** The event `now`, once a second. */
export interface NowTick extends Rate {
  open_calls: number;
  held_usd: string;
  in_doubt_count: number;
}
