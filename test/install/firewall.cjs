// Loaded into every Node process of the check (`node --require`): connections to other machines are refused, and their
// hosts written to the file that MMGEN_REFUSED names.
const { appendFileSync } = require("node:fs");
const { Socket } = require("node:net");

const { connect } = Socket.prototype;

/** The options in the arguments of `Socket.connect`: an object, a list that net made of one, or a port and a host. */
function optionsOf([first, second]) {
  const options = Array.isArray(first) ? first[0] : first;
  return typeof options === "object" ? options : { host: typeof second === "string" ? second : undefined };
}

Socket.prototype.connect = function (...args) {
  // Without a host it is this machine, or a local socket.
  const { host = "localhost" } = optionsOf(args);
  if (/^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host)) {
    return connect.apply(this, args);
  }
  appendFileSync(process.env.MMGEN_REFUSED, `${host}\n`);
  process.nextTick(() => this.destroy(Object.assign(new Error(`refused: ${host}`), { code: "ECONNREFUSED" })));
  return this;
};
