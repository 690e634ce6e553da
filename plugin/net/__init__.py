"""What is fetched from the network, always by QGIS's own access: its proxy, logins and certificates."""
