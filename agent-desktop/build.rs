//! Icon and version of the Windows program.

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=packaging/hotline-agent.ico");
    if std::env::var_os("CARGO_CFG_WINDOWS").is_some() {
        let mut resource = winresource::WindowsResource::new();
        resource.set_icon("packaging/hotline-agent.ico");
        resource.set("ProductName", "热线座席工作台").set("FileDescription", "热线座席工作台");
        // Chinese (simplified).
        resource.set_language(0x0804);
        resource.compile()?;
    }
    Ok(())
}
