"""Files in the API: uploads and how they are verified, downloads, and what is swept away."""
