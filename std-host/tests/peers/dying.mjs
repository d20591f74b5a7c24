// An end that says something and is killed in the middle: `dying.mjs serve PORT CUT`, `dying.mjs connect URL CUT`.
// CUT is `frame`, in the midst of one, or `message`, between two fragments.

import { createRequire } from "node:module";

const { WebSocket, WebSocketServer } = createRequire(import.meta.url)("ws");
const [role, place, cut] = process.argv.slice(2);

function die(socket, isServer) {
  socket.send("before");
  if (cut === "frame") {
    // The header of a text of 100 bytes, and half of it; a client's are masked, here by zeros.
    const header = isServer ? [0x81, 0x64] : [0x81, 0xe4, 0, 0, 0, 0];
    socket._socket.write(Buffer.concat([Buffer.from(header), Buffer.alloc(50, "x")]));
  } else {
    socket.send("never ", { fin: false });
  }
  // What was written leaves before.
  setTimeout(() => process.kill(process.pid, "SIGKILL"), 300);
}

if (role === "connect") {
  const socket = new WebSocket(place);
  socket.on("open", () => die(socket, false));
} else {
  const server = new WebSocketServer({ host: "127.0.0.1", port: Number(place) });
  server.on("connection", (socket) => die(socket, true));
}
