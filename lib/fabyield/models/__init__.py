"""Low-yield wafers predicted before wafer sort, with the reasons; data frames in and out."""
