"""FLOPs, bytes and the roofline of a network: no machine needed."""
