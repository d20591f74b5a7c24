// uWebSockets, as its example of an echo server, without compression; it corks by itself. With --broadcast
// every message is published to all connections; with --tls CERT KEY, two PEM files, it speaks TLS 1.3 in a
// single cipher suite, if it was compiled for that.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "App.h"

#ifdef LIBUS_NO_SSL
constexpr bool TLS = false;
#else
#include <openssl/ssl.h>
constexpr bool TLS = true;
#endif

struct Nothing {};

int main(int argc, char **argv) {
    const std::string_view option = argc > 1 ? argv[1] : "";
    const bool broadcast = option == "--broadcast";
    uWS::SocketContextOptions options;
    if (TLS != (option == "--tls" && argc == 4)) {
        std::fprintf(stderr, "usage: echo [--broadcast], or echo-tls --tls CERT KEY\n");
        return EXIT_FAILURE;
    }
    if (TLS) {
        options.cert_file_name = argv[2];
        options.key_file_name = argv[3];
    }
    uWS::TemplatedApp<TLS> app(options);
#ifndef LIBUS_NO_SSL
    auto *context = static_cast<SSL_CTX *>(app.getNativeHandle());
    if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384") != 1) {
        std::fprintf(stderr, "cannot speak TLS\n");
        return EXIT_FAILURE;
    }
#endif
    app.template ws<Nothing>("/*", {
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
        const int port = us_socket_local_port(TLS, reinterpret_cast<us_socket_t *>(socket));
        std::printf("listening on %s://127.0.0.1:%d\n", TLS ? "wss" : "ws", port);
        std::fflush(stdout);
    });
    app.run();
}
