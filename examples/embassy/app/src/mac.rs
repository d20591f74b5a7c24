//! A MAC address for boards that were not given one.

/// Makes an address from the unique number that was burnt into the chip: the same at every start,
/// another on every board.
///
/// It is locally administered and unicast (IEEE 802 §8.2), and no vendor's.
///
/// ```
/// let mac = embassy_app::mac_address(b"chip 17");
/// assert_eq!(mac[0] & 0b11, 0b10);
/// assert_ne!(mac, embassy_app::mac_address(b"chip 18"));
/// ```
#[must_use]
pub fn mac_address(chip_id: &[u8]) -> [u8; 6] {
    // Ids of one wafer differ in few bits; FNV-1a spreads these over the address.
    let hash = chip_id.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let [_, _, mut mac @ ..] = hash.to_be_bytes();
    mac[0] = mac[0] & !GROUP | LOCAL;
    mac
}

const GROUP: u8 = 0b01;
const LOCAL: u8 = 0b10;
