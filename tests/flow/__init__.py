"""What a user of Headrace sees, shown against real servers and processes; begin with `test_submit_to_browser`."""
