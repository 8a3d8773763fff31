"""What the screens of the web application are sent: one versioned Struct for each. A field may be added, and none changed or removed."""
