"""The server side: a fixture site with a path for every behaviour worth trying a crawler on."""
