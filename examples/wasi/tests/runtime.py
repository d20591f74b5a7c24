"""Run a WASI command component with access to the network: runtime.py COMPONENT [ARGUMENT ...].

What `wasmtime run -S inherit-network` does, where only Python's package index is at hand.
"""

import sys

from wasmtime import Engine, Store, WasiConfig, _bindings
from wasmtime.component import Component, Linker


def main(path, arguments):
    engine = Engine()
    store = Store(engine)
    store.set_wasi(configure([path, *arguments]))
    linker = Linker(engine)
    linker.add_wasip2()
    component = Component.from_file(engine, path)
    instance = linker.instantiate(store, component)
    command = instance.get_export_index(store, "wasi:cli/run@0.2.0")
    run = instance.get_func(store, instance.get_export_index(store, "run", command))
    return 0 if run(store).tag == "ok" else 1


def configure(arguments):
    wasi = WasiConfig()
    wasi.argv = arguments
    wasi.inherit_env()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    # Of the C library; the package gives it no name of its own.
    _bindings.wasi_config_inherit_network(wasi.ptr())
    return wasi


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
