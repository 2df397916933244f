// SPDX-License-Identifier: Apache-2.0
// Octokit through the gate: REST, paging by Link, uploads, GraphQL.
import { before } from "node:test";

import { graphql } from "@octokit/graphql";
import { Octokit } from "@octokit/rest";

import { assert, newRun, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

let v;
const sdk = (key, run) => new Octokit({ auth: v.token(key, run), baseUrl: v.url, log: { debug() {}, info() {}, warn() {}, error() {} } });
const here = { owner: "octo", repo: "hello" };
const api = "https://api.github.com";

function answer(call) {
  const url = new URL(call.url, "http://x");
  if (url.pathname === "/repos/octo/hello/issues" && call.method === "GET") {
    const page = Number(url.searchParams.get("page") ?? 1);
    const link = page < 3 ? { link: `<${api}/repositories/1/issues?page=${page + 1}>; rel="next", <${api}/repositories/1/issues?page=3>; rel="last"`.replaceAll("/repositories/1", "/repos/octo/hello") } : {};
    return [200, [{ number: page, url: `${api}/repos/octo/hello/issues/${page}` }], link];
  }
  if (url.pathname === "/repos/octo/hello/issues") return [201, { number: 7, url: `${api}/repos/octo/hello/issues/7` }];
  if (url.pathname.endsWith("/dispatches")) return [204];
  if (url.pathname === "/repos/octo/hello") return [200, { name: "hello", temp_clone_token: "AREALTOKEN", private: true }];
  if (url.pathname === "/repos/octo/hello/releases/1") return [200, { id: 1, upload_url: "https://uploads.github.com/repos/octo/hello/releases/1/assets{?name,label}" }];
  if (url.pathname === "/repos/octo/hello/releases/1/assets") return [201, { id: 9, size: call.text.length }];
  if (url.pathname === "/graphql") return [200, { data: { viewer: { login: "octo" }, createIssue: { issue: { number: 8 } } } }];
}

before(async () => {
  v = await startVendor("github", {
    answer,
    policies: {
      issues: { allow: ["github.issues.*", "github.graphql.createIssue", "github.graphql.read"] },
      one: { allow: ["github.*"], scopes: { "github.owner": ["octo"], "github.repo": ["hello"] } },
    },
    keys: {
      issues: { policy: "issues" },
      one: { policy: "one" },
      run: { budgets: [{ limit: "3 requests", window: "run", operation: "github.issues.create" }] },
      money: { budgets: [{ limit: "5 usd", window: "day" }] },
      five: { budgets: [{ limit: "5 requests", window: "day" }] },
    },
  });
}, { timeout: 60_000 });

test("a call goes through: secret swapped, the row says what it was", async () => {
  const row = await v.row((run) => sdk("issues", run).rest.issues.create({ ...here, title: "t" }));
  v.carries(v.upstream.last());
  assert.equal(v.upstream.last().headers.authorization, `Bearer ${v.secret}`);
  assert.equal(row.operation, "github.issues.create");
});

test("paging follows Link inside the gate, and links in bodies lead there too", async () => {
  const all = await sdk("issues").paginate("GET /repos/{owner}/{repo}/issues", { ...here, per_page: 1 });
  assert.deepEqual(all.map((one) => one.number), [1, 2, 3]);
  assert.ok(all.every((one) => one.url.startsWith(`${v.url}/repos/`)), all[0].url);
});

test("an asset goes up to the host for uploads by the link of its release", async () => {
  const { data: release } = await sdk("free").rest.repos.getRelease({ ...here, release_id: 1 });
  assert.ok(release.upload_url.startsWith(`${v.url}/uploads/`), release.upload_url);
  const { data } = await sdk("free").rest.repos.uploadReleaseAsset({ ...here, release_id: 1, name: "a.txt", data: "hello", url: release.upload_url });
  assert.equal(data.size, 5);
  v.carries(v.upstream.last());
  assert.equal((await v.gate.calls())[0].operation, "github.repos.uploadReleaseAsset");
});

test("a token in an answer is hidden", async () => {
  const { data } = await sdk("free").rest.repos.get(here);
  assert.deepEqual(data, { name: "hello", temp_clone_token: "[hidden by tollgate]", private: true });
});

test("what makes a secret is refused unless a policy names it", async () => {
  const error = await v.refused(() => sdk("free").rest.actions.createRegistrationTokenForRepo(here), "operation_denied");
  assert.equal(error.status, 403);
  await v.refused(() => sdk("free").rest.repos.createDeployKey({ ...here, key: "ssh-rsa x" }), "operation_denied");
});

test("a refusal is Octokit's RequestError with the gate's words", async () => {
  const error = await v.refused(() => sdk("issues").rest.repos.delete(here), "operation_denied");
  assert.equal(error.name, "HttpError");
  assert.match(error.message, /repos\.delete/);
  assert.equal(error.response.data.code, "operation_denied");
});

test("a pinned repository: another, or none, is refused", async () => {
  await sdk("one").rest.issues.create({ ...here, title: "t" });
  await v.refused(() => sdk("one").rest.issues.create({ owner: "octo", repo: "other", title: "t" }), "scope_denied");
  await v.refused(() => sdk("one").rest.issues.create({ owner: "evil", repo: "hello", title: "t" }), "scope_denied");
  await v.refused(() => sdk("one").rest.repos.listForAuthenticatedUser(), "scope_denied");
  await v.refused(() => graphql("{ viewer { login } }", { baseUrl: v.url, headers: { authorization: `token ${v.token("one")}` } }), "scope_denied");
});

test("a count per run stops a loop that opens issues", async () => {
  const run = newRun();
  let opened = 0;
  for (let i = 0; i < 8; i++)
    await sdk("run", run).rest.issues.create({ ...here, title: `${i}` }).then(() => opened++, (error) => assert.equal(error.response.data.code, "budget_exceeded"));
  assert.equal(opened, 3);
});

test("the cap holds under concurrency", async () => {
  await v.capHolds({ fits: 5, call: (i) => sdk("five").rest.issues.create({ ...here, title: `${i}` }) });
});

test("what is paid for by the minute has no price: refused under a money budget", async () => {
  const dispatch = { ...here, workflow_id: "a.yml", ref: "main" };
  await sdk("free").rest.actions.createWorkflowDispatch(dispatch);
  await v.refused(() => sdk("money").rest.actions.createWorkflowDispatch(dispatch), "price_unknown");
});

test("GraphQL is named by its root field; others do not pass", async () => {
  const ask = (key, run) => graphql.defaults({ baseUrl: v.url, headers: { authorization: `token ${v.token(key, run)}` } });
  const row = await v.row((run) => ask("issues", run)("mutation ($input: CreateIssueInput!) { createIssue(input: $input) { issue { number } } }", { input: { repositoryId: "R_1", title: "t" } }));
  assert.equal(row.operation, "github.graphql.createIssue");
  v.carries(v.upstream.last());
  assert.equal((await ask("issues")("{ viewer { login } }")).viewer.login, "octo");
  await v.refused(() => ask("issues")("mutation { deleteRef(input: {refId: \"x\"}) { clientMutationId } }"), "operation_denied");
  await v.refused(() => ask("free")("mutation { deleteEnvironment(input: {id: \"x\"}) { clientMutationId } }"), "operation_denied");
  await v.refused(() => ask("free")("mutation { a: closeIssue(input: {issueId: \"1\"}) { clientMutationId } b: closeIssue(input: {issueId: \"2\"}) { clientMutationId } }"), "not_canonical");
});
