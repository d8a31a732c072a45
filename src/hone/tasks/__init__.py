"""What hone trains out of the box: data modules and models, a folder for each task.

Floor 2. Nothing here knows of sweeps; configs name these classes by ``_target_``, as they name a user's own.
"""
