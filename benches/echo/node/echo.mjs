// Node ws, whose masking is native where bufferutil is installed.
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0 }, () => {
  console.log(`listening on ws://127.0.0.1:${server.address().port}`);
});

server.on('connection', (socket) => {
  socket.on('error', (error) => console.error(error.message));
  socket.on('message', (data, binary) => socket.send(data, { binary }));
});
