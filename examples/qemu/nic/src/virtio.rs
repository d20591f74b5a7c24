//! The network interface of virtual machines; Virtual I/O Device (VIRTIO) 1.3, §5.1.

use core::cell::UnsafeCell;
use core::fmt;
use core::num::NonZero;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use virtio_drivers::device::net::VirtIONetRaw;
use virtio_drivers::transport::mmio::MmioTransport;
use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

use crate::{MAX_FRAME_LEN, Nic};

/// Drives a virtio network device, by way of the crate `virtio-drivers` and without an allocator.
pub struct Virtio {
    device: VirtIONetRaw<Pages, MmioTransport<'static>, QUEUE_LEN>,
    buffers: &'static mut VirtioBuffers,
    /// For each buffer for sending: the token of the frame in it, until the device is done with it.
    in_flight: [Option<u16>; QUEUE_LEN],
}

/// The frames that the device reads and writes, each behind virtio's header.
#[derive(Debug)]
pub struct VirtioBuffers {
    /// At the index that is their token.
    receive: [[u8; BUFFER_LEN]; QUEUE_LEN],
    transmit: [[u8; BUFFER_LEN]; QUEUE_LEN],
}

impl VirtioBuffers {
    /// Makes empty ones.
    #[must_use]
    pub const fn new() -> Self {
        Self { receive: [[0; BUFFER_LEN]; QUEUE_LEN], transmit: [[0; BUFFER_LEN]; QUEUE_LEN] }
    }
}

impl Default for VirtioBuffers {
    fn default() -> Self {
        Self::new()
    }
}

impl Virtio {
    /// Switches the device on.
    ///
    /// # Panics
    ///
    /// No network device answers there, or there was one before: memory is set aside for one.
    ///
    /// # Safety
    ///
    /// The 4 KiB at `address` are the registers of a virtio device, and nothing else uses them. The
    /// device sees memory at the addresses that the processor uses, and through the same caches.
    #[must_use]
    pub unsafe fn new(address: NonZero<usize>, buffers: &'static mut VirtioBuffers) -> Self {
        let header = NonNull::with_exposed_provenance(address);
        // SAFETY: the caller promises it.
        let transport = unsafe { MmioTransport::new(header, REGISTERS_LEN) };
        let transport = transport.expect("a virtio device is there");
        let device = VirtIONetRaw::new(transport).expect("it is a network device");
        let mut nic = Self { device, buffers, in_flight: [None; QUEUE_LEN] };
        for index in 0..QUEUE_LEN {
            nic.lend_for_receiving(index);
        }
        nic
    }

    /// Lets the device write the next frame into a buffer.
    fn lend_for_receiving(&mut self, index: usize) {
        // SAFETY: the buffer lives for ever, and is not looked at before the device is done.
        let token = unsafe { self.device.receive_begin(&mut self.buffers.receive[index]) };
        // Tokens count up from 0, and one that is free is the next to be given out.
        assert_eq!(token.map(usize::from), Ok(index), "a token is the index of its buffer");
    }

    /// Takes back the buffers with frames that the device has sent.
    fn reclaim(&mut self) {
        while let Some(token) = self.device.poll_transmit() {
            let index = self.in_flight.iter().position(|sent| *sent == Some(token));
            let index = index.expect("the device is done with what it was given");
            // SAFETY: this buffer was given for this token.
            let sent =
                unsafe { self.device.transmit_complete(token, &self.buffers.transmit[index]) };
            sent.expect("the token is in the queue");
            self.in_flight[index] = None;
        }
    }
}

impl Nic for Virtio {
    fn mac(&self) -> [u8; 6] {
        self.device.mac_address()
    }

    fn receive(&mut self, frame: &mut [u8]) -> Option<usize> {
        let token = self.device.poll_receive()?;
        let index = usize::from(token);
        let buffer = &mut self.buffers.receive[index];
        // SAFETY: this buffer was given for this token.
        let received = unsafe { self.device.receive_complete(token, buffer) };
        let len = received.ok().and_then(|(head_len, len)| {
            let received = buffer.get(head_len..)?.get(..len)?;
            frame.get_mut(..len)?.copy_from_slice(received);
            Some(len)
        });
        self.lend_for_receiving(index);
        len
    }

    fn can_transmit(&mut self) -> bool {
        self.reclaim();
        self.in_flight.contains(&None)
    }

    fn transmit(&mut self, frame: &[u8]) {
        let Some(index) = self.in_flight.iter().position(Option::is_none) else { return };
        let buffer = &mut self.buffers.transmit[index];
        let Ok(head_len) = self.device.fill_buffer_header(buffer) else { return };
        let total_len = head_len + frame.len();
        let Some(room) = buffer.get_mut(head_len..total_len) else { return };
        room.copy_from_slice(frame);
        // SAFETY: the buffer lives for ever, and stays as it is until the device is done.
        self.in_flight[index] = unsafe { self.device.transmit_begin(&buffer[..total_len]) }.ok();
    }

    fn enable_interrupt(&mut self) {
        self.device.enable_interrupts();
    }

    fn acknowledge_interrupt(&mut self) {
        self.device.ack_interrupt();
    }
}

impl fmt::Debug for Virtio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Virtio").field("in_flight", &self.in_flight).finish_non_exhaustive()
    }
}

/// The memory of the two queues, which the device reads and writes, too.
struct Pages;

#[repr(C, align(4096))] // PAGE_SIZE
struct Page(UnsafeCell<[u8; PAGE_SIZE]>);

// SAFETY: each page is given out once.
unsafe impl Sync for Page {}

static PAGES: [Page; N_PAGES] = [const { Page(UnsafeCell::new([0; PAGE_SIZE])) }; N_PAGES];

// SAFETY: the pages are static, aligned, zero, and each is given out once. Addresses are the same
// for device and processor, as the caller of `Virtio::new` promises, so sharing takes no work.
unsafe impl Hal for Pages {
    fn dma_alloc(n: usize, _direction: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        static N_USED: AtomicUsize = AtomicUsize::new(0);
        let first = N_USED.fetch_add(n, Ordering::Relaxed);
        let pages = PAGES.get(first..first + n).expect("there are pages for one device");
        let start = NonNull::from(pages).cast::<u8>();
        (start.expose_provenance().get() as PhysAddr, start)
    }

    unsafe fn dma_dealloc(_address: PhysAddr, _start: NonNull<u8>, _n: usize) -> i32 {
        0 // nobody else gets them
    }

    unsafe fn mmio_phys_to_virt(address: PhysAddr, _len: usize) -> NonNull<u8> {
        unreachable!("{address:#x} is asked for PCI, and this is not PCI")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _direction: BufferDirection) -> PhysAddr {
        buffer.cast::<u8>().expose_provenance().get() as PhysAddr
    }

    unsafe fn unshare(_address: PhysAddr, _buffer: NonNull<[u8]>, _direction: BufferDirection) {}
}

/// How many frames may wait in each direction.
const QUEUE_LEN: usize = 8;
/// Bytes of a frame behind virtio's longest header, of 12, in words.
const BUFFER_LEN: usize = (12 + MAX_FRAME_LEN).next_multiple_of(4);
/// Two for each of the two queues.
const N_PAGES: usize = 4;
/// Bytes of the registers, with those of the network device.
const REGISTERS_LEN: usize = 0x1000;
