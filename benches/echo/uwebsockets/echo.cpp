// uWebSockets, as its example of an echo server, without compression; it corks by itself. With --broadcast
// every message is published to all connections.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "App.h"

struct Nothing {};

int main(int argc, char **argv) {
    const bool broadcast = argc > 1 && std::string_view(argv[1]) == "--broadcast";
    uWS::App app;
    app.ws<Nothing>("/*", {
        .compression = uWS::DISABLED,
        .maxPayloadLength = 16 * 1024 * 1024,
        .idleTimeout = 120,
        .maxBackpressure = 64 * 1024 * 1024,
        .open = [broadcast](auto *ws) {
            if (broadcast) {
                ws->subscribe("all");
            }
        },
        .message = [broadcast, &app](auto *ws, std::string_view message, uWS::OpCode opcode) {
            if (broadcast) {
                app.publish("all", message, opcode);
            } else {
                ws->send(message, opcode);
            }
        },
    });
    app.listen("127.0.0.1", 0, [](us_listen_socket_t *socket) {
        if (socket == nullptr) {
            std::fprintf(stderr, "cannot listen\n");
            std::exit(EXIT_FAILURE);
        }
        const int port = us_socket_local_port(0, reinterpret_cast<us_socket_t *>(socket));
        std::printf("listening on ws://127.0.0.1:%d\n", port);
        std::fflush(stdout);
    });
    app.run();
}
