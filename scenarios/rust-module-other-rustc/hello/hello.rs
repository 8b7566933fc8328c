// SPDX-License-Identifier: GPL-2.0

//! A module that does nothing but say so.

use kernel::prelude::*;

module! {
    type: Hello,
    name: "hello",
    license: "GPL",
}

struct Hello;

impl kernel::Module for Hello {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("hello\n");
        Ok(Hello)
    }
}
