// SPDX-License-Identifier: GPL-2.0

//! A module outside of the tree, in what the Rust APIs of 6.12 and 7.3 share:
//! the key of the authors changed its name in between.

use kernel::prelude::*;

module! {
    type: Hello,
    name: "rust_hello",
    description: "A module outside of the tree",
    license: "GPL",
}

struct Hello;

impl kernel::Module for Hello {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("hello from outside of the tree\n");
        Ok(Hello)
    }
}
