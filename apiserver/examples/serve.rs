//! Serves the CRDs and other manifests given as arguments, until Ctrl-C:
//! `cargo run -p apiserver --example serve -- KUBECONFIG [MANIFEST…]`

use std::error::Error;

use apiserver::ApiServer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let kubeconfig = arguments
        .next()
        .ok_or("the path of the kubeconfig to write is missing")?;
    let server = ApiServer::start().await?;
    for manifest in arguments {
        server
            .create_from_yaml(&std::fs::read_to_string(manifest)?)
            .await?;
    }
    std::fs::write(kubeconfig, server.kubeconfig())?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}
