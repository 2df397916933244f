-- SPDX-License-Identifier: Apache-2.0
-- load.lua - what wrk sends, and what it says afterwards: one line of JSON.
--   wrk ... -s load.lua URL -- BODY_FILE [NAME=VALUE ...]     (header fields)
-- NNNNNNNNNN in the body is another number in each request.

function init(args)
    local file = assert(io.open(args[1], "rb"))
    wrk.method = "POST"
    wrk.body = file:read("*a")
    file:close()
    for i = 2, #args do
        local name, value = args[i]:match("^([^=]+)=(.*)$")
        wrk.headers[name] = value
    end
    if wrk.body:find("NNNNNNNNNN") then
        local before, after = wrk.body:match("^(.*)NNNNNNNNNN(.*)$")
        local number = os.time() % 9000 * 1000000
        function request()
            number = number + 1
            return wrk.format(nil, nil, nil, string.format("%s%010d%s", before, number, after))
        end
    end
end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        '{"requests":%d,"us":%d,"bytes":%d,"p50":%d,"p99":%d,"max":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
        summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99), latency.max,
        e.connect, e.read, e.write, e.status, e.timeout))
end
