// SPDX-License-Identifier: Apache-2.0
// Preloaded into a server that knows no address to listen on: it listens on 127.0.0.1 and nowhere else.
const net = require("node:net");

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  return listen.call(this, port, "127.0.0.1", ...rest.filter((each) => typeof each === "function"));
};
