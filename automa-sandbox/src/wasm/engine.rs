//! The wasmtime engine, how it is set, and everything that the guest can call.

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine, OptLevel};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::p2::bindings::{cli, filesystem, random, sockets, sync};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView as _};

use super::files::HasFiles;
use super::host::Host;

/// The machine stack that the guest's code may use: addresses, which cost no memory until they are used. Python refuses
/// recursion long before that, with `RecursionError`, but lets go of a long chain of objects one inside the other.
const GUEST_STACK: usize = 64 * 1024 * 1024;
/// What host functions have beyond it.
const HOST_STACK: usize = 1024 * 1024;

/// The engine, set for guarded, interruptible, quickly made instances.
pub(super) fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(GUEST_STACK + HOST_STACK)
        .memory_init_cow(true)
        .concurrency_support(false)
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false);
    Engine::new(&config)
}

/// Everything that the guest can reach, and nothing else. Files are ours; there is no network behind the sockets.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    // Streams, polling, clocks, secure random numbers, stdin, stdout, stderr.
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(l)?;
    random::insecure::add_to_linker::<_, WasiRandom>(l, |host: &mut Host| host.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<_, WasiRandom>(l, |host: &mut Host| host.ctx().ctx.random())?;
    cli::exit::add_to_linker::<_, WasiCli>(l, Host::cli)?;
    cli::environment::add_to_linker::<_, WasiCli>(l, Host::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(l, Host::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(l, Host::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, Host::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, Host::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, Host::cli)?;
    filesystem::preopens::add_to_linker::<_, HasFiles>(l, Host::files)?;
    sync::filesystem::types::add_to_linker::<_, HasFiles>(l, Host::files)?;
    // The guest's C library wants these to be there. The context refuses to make a socket and to look up a name.
    sockets::network::add_to_linker::<_, WasiSockets>(l, &sockets::network::LinkOptions::default(), Host::sockets)?;
    sockets::instance_network::add_to_linker::<_, WasiSockets>(l, Host::sockets)?;
    sockets::ip_name_lookup::add_to_linker::<_, WasiSockets>(l, Host::sockets)?;
    sockets::tcp_create_socket::add_to_linker::<_, WasiSockets>(l, Host::sockets)?;
    sockets::tcp::add_to_linker::<_, WasiSockets>(l, Host::sockets)?;
    sockets::udp_create_socket::add_to_linker::<_, WasiSockets>(l, Host::sockets)?;
    sockets::udp::add_to_linker::<_, WasiSockets>(l, Host::sockets)?;
    super::host::bindings::Guest::add_to_linker::<_, HasSelf<Host>>(l, |host| host)?;
    Ok(linker)
}
